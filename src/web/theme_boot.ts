// Runs before the first paint, so that a dark room stays dark. Kept apart from main.tsx: it must be tiny and blocking.
document.documentElement.dataset["theme"] = localStorage.getItem("sandpiper-theme") ?? "system";
