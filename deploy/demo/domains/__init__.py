"""Files in the style of each benchmark domain, for one origin: what the vendor publishes and what is held out."""
