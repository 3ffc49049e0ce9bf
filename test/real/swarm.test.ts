import { describeReal } from "../lab/binaries.ts";
import { startDockerd } from "../lab/dockerd.ts";
import { speaksTheApi } from "../swarm/api.ts";
import { keepsThePort } from "../swarm/contract.ts";

const needed = ["dockerd", "docker", "iptables", "ip", "busybox"] as const;

describeReal("the port on a real Swarm", needed, () => keepsThePort(startDockerd));

describeReal("the API of a real dockerd", needed, () => speaksTheApi(startDockerd));
