package web

func streamsBelowFileLimit() int { return 16_000 }

func connectionsBelowFileLimit() int { return 16_192 }
