"""What is said, to whom, and when: pure arithmetic without clock, network, database or log."""
