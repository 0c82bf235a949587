"""How Sheetstream is run: the command, the one-machine launcher, the console, the demo's vendor."""
