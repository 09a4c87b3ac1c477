"""The page that people work with: a map, figures, a table and alerts, live. Reads only."""
