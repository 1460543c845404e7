"""The hall: database, queue, clock, pacing, delivery log, web and command line."""
