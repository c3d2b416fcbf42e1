"""What a fit is: pure values and pure functions, no training loop."""
