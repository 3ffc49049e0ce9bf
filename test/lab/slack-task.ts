import { slackStandIn } from "../stand-ins/slack.ts";

/* Slack's stand-in inside a Swarm, for whoever is on its network: port 9797, the token of the lab's secret. */

await slackStandIn({ at: { host: "0.0.0.0", port: 9797 }, token: "lab-slack_bot_token" });
process.once("SIGTERM", () => process.exit(0));
