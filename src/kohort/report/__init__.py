"""Pictures and leaderboards of a search."""
