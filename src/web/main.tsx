// Entry of the page: builds the app, hands it to the components, connects.
import { render } from "preact";
import { AppProvider, createApp } from "./app.ts";
import { Page } from "./view/page.tsx";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");

const app = createApp();
render(
  <AppProvider value={app}>
    <Page />
  </AppProvider>,
  root,
);
await app.connect();
