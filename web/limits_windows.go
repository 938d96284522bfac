package web

func streamsBelowFileLimit() int { return 16_000 }
