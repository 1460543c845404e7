"""The pretend carriers: real wire protocols on loopback, with dials for trouble."""
