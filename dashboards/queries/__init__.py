"""What the pages ask of gold. Functions of a lake and a wish; an answer is plain columns. A table that is not there yet is an empty answer."""
