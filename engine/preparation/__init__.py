"""From what a source holds to what is stored: cleaned, filtered, in order, divided (thesis 3.3, 3.4)."""
