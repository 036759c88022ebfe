// What can be done with files that came without words: the same choices in every chat, on the page and in the terminal.

/** `words` is what the person would have said; null: they say it themselves. */
export const CHOICES = [
  { title: "Summarise", action: "summarise", words: "Summarise this" },
  { title: "Chart", action: "chart", words: "Graph this" },
  {
    title: "Clean up",
    action: "clean",
    words: "Clean this up: trim texts, drop empty and doubled rows, and give it back as a file",
  },
  { title: "Something else", action: "other", words: null },
] as const;
