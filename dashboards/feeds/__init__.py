"""What the page reads, each from one place: one reader for all browsers."""
