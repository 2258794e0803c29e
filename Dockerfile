# The gateway alone: MongoDB (a replica set) and Redis are named by MONGODB_URI and REDIS_URL; see docker-compose.yml.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
# No install scripts: what they fetch (the npm package "node" among it) is in this image already.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json
RUN npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
WORKDIR /app
COPY --from=build /app/package.json ./
COPY gateway.flags ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The shell becomes the gateway: SIGTERM reaches it, and it drains before it leaves.
CMD ["/bin/sh", "-c", "exec node $(cat gateway.flags) dist/src/main.js"]
