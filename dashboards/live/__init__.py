"""The live half: the newest state of every vehicle, and what browsers and programs are told of it as it changes."""
