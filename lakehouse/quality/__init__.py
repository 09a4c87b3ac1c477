"""What silver thinks of the values that a frame carries: the rules of `contracts.quality`, applied to the columns of a batch."""
