import { defineConfig } from "vitest/config";

// Two projects: `unit` needs nothing but npm; `real` talks to dockerd, Prometheus and Alertmanager.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/real/**"],
        },
      },
      {
        test: {
          name: "real",
          include: ["test/real/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
