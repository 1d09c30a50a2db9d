"""The catalogue of weights and the store that fetches and verifies them."""
