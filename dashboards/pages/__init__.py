"""Pages, and the parts that they are put together from. A part shows values; it reads nothing by itself."""
