"""The studio: pages for people, in Streamlit. Speaks to a service through `spinbot.client`, and computes nothing.

What a page shows it asks the service for, and what was chosen stands in the page's address: a reload loses nothing.
"""
