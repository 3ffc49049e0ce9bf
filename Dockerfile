# Homeostat's image. It needs nothing but a Node 26 with npm and a shell, so any such base will do:
#   docker build --build-arg BASE=node:26-bookworm-slim -t homeostat .
# Written for the classic builder too: no build mounts, no here-documents.
ARG BASE=node:26-trixie-slim
FROM ${BASE}

ENV NODE_ENV=production
WORKDIR /app

# Dependencies first: they change more rarely than the sources. Optional ones are the Node binaries that a checkout
# brings along, and the base has its own. No dependency's install script is run.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm

COPY src ./src
COPY rules ./rules

# The one place that is written to. Owned by who runs, so that a new volume is too.
RUN mkdir /data && chown 1000:1000 /data
VOLUME /data
ENV HOMEOSTAT_STORE=sqlite:/data/homeostat.db

# By number, as images without a user of that name and orchestrators that check for root both understand it.
USER 1000:1000
EXPOSE 8080

# Alive means that it answers; whether it is ready is for /readyz to say. A cluster that cannot be reached is no
# reason to be killed: notifications are still accepted and kept.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "const port = (process.env.HOMEOSTAT_LISTEN ?? ':8080').split(':').at(-1); fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Exec form, so that the signal to stop reaches Homeostat, which then finishes what it has begun.
CMD ["node", "src/homeostat.js", "serve"]
