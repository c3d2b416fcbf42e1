"""How fits train together: plan, program, population."""
