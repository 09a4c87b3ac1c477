"""Gold facts and dimensions: exact folds over silver's rows, and the readable tables made of them."""
