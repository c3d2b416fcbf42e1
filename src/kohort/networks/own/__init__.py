"""Networks of kohort's own: dense layers, convolutions, normalisation, noise."""
