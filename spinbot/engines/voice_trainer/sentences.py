"""What a voice says while it is fitted, and what it is judged by: short sentences with all sounds of English."""

FITTED = (
    "Good evening, and welcome to the show.", "She waited under the bridge until noon.",
    "The report will be ready by Thursday.", "My brother keeps bees behind the house.",
    "Open the window, it is far too warm.", "They walked along the shore for hours.",
    "Every child should learn how to swim.", "We could take the earlier train instead.",
    "Bring two cups of flour and some salt.", "Our neighbours moved to another city.",
    "He never told anyone about the letter.", "What time does the last bus leave?",
    "The garden looks lovely after the rain.", "You should have seen his face.",
    "Thank you for calling, goodbye.", "Press one to leave a message.",
    "I could not find my keys this morning.", "The old clock stopped at midnight.",
    "Turn left when you reach the church.", "Science begins with a simple question.",
    "Fresh bread is the best smell there is.", "Winter came early in the mountains.",
    "Please sign your name at the bottom.", "A thousand birds rose from the lake.",
)  # fmt: skip
JUDGED = (
    "The small boat drifted slowly past the old stone bridge.",
    "Please hold on while I try to find that number for you.",
    "Nobody knew where the music was coming from.",
    "In the morning we will climb the northern ridge.",
)
"""The first is the one that people hear before and after."""
