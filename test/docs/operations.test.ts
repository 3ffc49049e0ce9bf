import { describe, expect, it } from "vitest";
import { createMetrics } from "../../src/http/metrics.ts";
import { keys, secrets, Settings, variables } from "../../src/settings/settings.ts";
import { code, codes, page, rows, section } from "./pages.ts";

const operations = page("docs/operations.md");

describe("the table of settings", () => {
  const table = rows(section(operations, "Settings"), "Setting");

  it("has every setting with its variable, in the order of the source", () => {
    const shown = table.map((row) => [code(row["Setting"]), code(row["Variable"])]);
    expect(shown).toEqual(keys.map((key) => [key, variables[key]]));
  });

  const defaults = Settings.parse({});
  it.each(keys)("has the default of %s", (key) => {
    const cell = table.find((row) => code(row["Setting"]) === key)?.["Default"];
    if (cell === "none") expect([null, false, []]).toContainEqual(defaults[key]);
    else expect(Settings.shape[key].parse(code(cell))).toEqual(defaults[key]);
  });

  it("and the page names the file variable of every secret", () => {
    const named = codes(section(operations, "Tokens and secrets"));
    for (const key of secrets)
      expect(named).toEqual(expect.arrayContaining([`${variables[key]}_FILE`, `${key}File`]));
  });
});

describe("the metrics", () => {
  it("that are exported are listed, and no others", async () => {
    const exported = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name);
    const listed = codes(section(operations, "Metrics")).filter((word) => /^homeostat_\w+$/.test(word));
    expect(listed.toSorted()).toEqual(exported.toSorted());
  });

  it("have the labels that the page says", async () => {
    const text = page("src/http/gauges.ts").text + page("src/http/metrics.ts").text;
    for (const row of rows(section(operations, "Metrics"), "Metric")) {
      const name = code(row["Metric"]).replace(/^homeostat_/, "");
      const start = text.search(new RegExp(`"(?:homeostat_)?${name.replace(/_seconds$/, "")}(?:_seconds)?"`));
      expect([name, start]).not.toEqual([name, -1]);
      const call = text.slice(start, text.indexOf(");", start));
      for (const label of codes(row["Labels"] ?? "").filter((word) => word === codes(row["Labels"] ?? "")[0]))
        expect([name, call]).toEqual([name, expect.stringContaining(`"${label}"`)]);
    }
  });
});

it("the page that a damaged store points to is there", () => {
  const [, file = "", anchor = ""] = /see (docs\/\S+)#([\w-]+)/.exec(page("src/store/schema.ts").text) ?? [];
  const headings = page(file).text.match(/^#+ .*$/gm) ?? [];
  expect(headings.map((line) => line.replace(/^#+ /, "").toLowerCase().replaceAll(" ", "-"))).toContain(
    anchor,
  );
});
