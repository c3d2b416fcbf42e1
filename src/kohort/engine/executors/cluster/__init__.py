"""Members trained by the machines of a cluster: what travels, in which portions, and who trains."""
