# One image for web, worker, clock and migrate; the command says which.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/dispatcher
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY campaigns campaigns
COPY providers providers
COPY dispatcher dispatcher
RUN /opt/dispatcher/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.12-slim
# A fixed number, so that the owner of mounted files (the keyring) can be told on the host.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /srv/dispatcher dispatcher \
    && install -d -o dispatcher -g dispatcher -m 700 /srv/dispatcher /srv/dispatcher/var
COPY --from=build /opt/dispatcher /opt/dispatcher
ENV PATH=/opt/dispatcher/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv/dispatcher
USER dispatcher
ENTRYPOINT ["dispatcher"]
CMD ["--help"]
