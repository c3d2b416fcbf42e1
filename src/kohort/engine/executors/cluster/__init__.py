"""Members trained by the machines of a cluster: parcels, portions, and the processes that train."""
