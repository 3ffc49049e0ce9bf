import type { AddressInfo } from "node:net";
import express from "express";

/* What Express costs by itself: it parses the notification, answers, and keeps nothing. */

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.post("/webhooks/alertmanager", express.json({ limit: "16mb" }), (request, response) => {
  response.status(202).json({ accepted: request.body.alerts.length, duplicates: 0 });
});
const server = app.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
});
process.on("SIGTERM", () => process.exit(0));
