"""The process that looks after the lake's tables while the flows write them."""
