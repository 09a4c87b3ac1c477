"""What is answered over HTTP: the shell of the page, sign-in, questions, the live feed. The only place that knows aiohttp."""
