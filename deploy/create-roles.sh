#!/bin/sh
# Run once by the PostgreSQL image on an empty data folder: the roles and the database of Flyt.
# `flyt` owns the tables and has no special powers; connections work as `flyt_tenant`, which owns nothing.
set -e
: "${FLYT_DATABASE_PASSWORD:?}"
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set password="$FLYT_DATABASE_PASSWORD" <<'SQL'
create role flyt login password :'password';
create role flyt_tenant nologin;
grant flyt_tenant to flyt;
create database flyt owner flyt;
SQL
