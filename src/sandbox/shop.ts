/*
 * The shop: how many ask for something, and how long they wait. Pure: time and running replicas in, numbers out, so
 * that what would have been without Homeostat can be worked out from the same numbers.
 */

/** Requests a second that one replica of the web service can serve. */
export const capacity = 40;
/** 95 % of answers shall take no longer than this; milliseconds. */
export const objective = 500;
/** So fast that fewer replicas would do; milliseconds. */
export const comfortable = 120;
/** Where a request is given up; milliseconds. */
const slowest = 5000;
const usual = 40;

/** After this many seconds the story begins again. */
export const period = 75;

/** Load at moments of the story, in seconds and requests a second. Between them it changes smoothly. */
const course = [
  [0, usual],
  [4, usual],
  [9, 125],
  [17, 125],
  [21, 190],
  [24, 190],
  [26, 230],
  [28, 230],
  [34, usual],
  [period, usual],
] as const;

/** Requests a second to the web service, `seconds` after the start. */
export function load(seconds: number): number {
  const at = Math.max(0, seconds) % period;
  const next = course.findIndex(([until]) => at < until);
  const [from, before] = course[next - 1] ?? [0, usual];
  const [until, after] = course[next] ?? [period, usual];
  const part = (at - from) / (until - from);
  // Visitors do not come evenly; small enough that no threshold is crossed by it alone.
  const turn = (2 * Math.PI * at) / period;
  const wobble = 1 + 0.02 * Math.sin(25 * turn) + 0.01 * Math.sin(63 * turn);
  return (before + (after - before) * part * part * (3 - 2 * part)) * wobble;
}

/**
 * Milliseconds within which 95 % of the requests are answered: each replica a queue with one server and an equal share
 * of the load (M/M/1, whose waiting is exponential), cut where a request is given up.
 */
export function p95(load: number, running: number): number {
  const spare = running > 0 ? capacity - load / running : 0;
  return spare <= 0 ? slowest : Math.min(slowest, (1000 * Math.log(20)) / spare);
}

export const images = {
  web: "shop/web:3.2",
  pay: "shop/pay:1.4",
  /** The deploy that goes wrong. */
  faulty: "shop/pay:1.5",
} as const;

/** The part of payments that fail, from 0 to 1: the new image cannot read the old orders. */
export function failing(runningImages: readonly string[]): number {
  if (runningImages.length === 0) return 1;
  const faulty = runningImages.filter((image) => image.startsWith(images.faulty)).length;
  return 0.002 + (0.4 * faulty) / runningImages.length;
}
