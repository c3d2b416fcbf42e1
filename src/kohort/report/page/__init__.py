"""The page about a search: one HTML file that needs no server and no network."""
