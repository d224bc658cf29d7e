"""The words of the preferences page, in each language that it speaks."""

TEXTS = {
    "en": {
        "title": "Preferences",
        "intro": "How this site looks for you. No login is needed: your browser keeps each choice "
        "in a cookie of its own for a year, and sends it with every request to this host.",
        "theme": "Theme",
        "language": "Language",
        "currency": "Currency",
        "layout": "Layout",
        "auto": "As the device",
        "light": "Light",
        "dark": "Dark",
        "comfortable": "Comfortable",
        "compact": "Compact",
        "en": "English",
        "de": "German",
        "sample": "A cookie jar costs",
        "unknown": "Choose one of these.",
        "save": "Save",
        "reset": "Forget my choices",
        "script": "The theme is the only one that a script may read, because a script applies it "
        "before the page is painted. The others are HttpOnly.",
    },
    "de": {
        "title": "Einstellungen",
        "intro": "Wie diese Seiten für Sie aussehen. Ein Login ist nicht nötig: Ihr Browser merkt "
        "sich jede Wahl ein Jahr lang in einem eigenen Cookie und schickt es mit jeder Anfrage an "
        "diesen Host.",
        "theme": "Farbschema",
        "language": "Sprache",
        "currency": "Währung",
        "layout": "Abstände",
        "auto": "Wie das Gerät",
        "light": "Hell",
        "dark": "Dunkel",
        "comfortable": "Großzügig",
        "compact": "Kompakt",
        "en": "Englisch",
        "de": "Deutsch",
        "sample": "Eine Keksdose kostet",
        "unknown": "Wählen Sie eines davon.",
        "save": "Speichern",
        "reset": "Meine Wahl vergessen",
        "script": "Nur das Farbschema darf ein Skript lesen, denn ein Skript wendet es an, bevor "
        "die Seite gezeichnet wird. Die anderen Cookies sind HttpOnly.",
    },
}
