"""What `voltlake alerts` does: read alerts, send people's acts, try rules on the past, score them."""
