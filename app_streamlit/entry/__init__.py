"""The script, in a folder of its own: beside a folder `pages` Streamlit would take each file there for a script."""
