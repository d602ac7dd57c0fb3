"""What a client finds on each node, one line per change: Unix time in ms, the host, and what it answers."""

import sys
import threading
import time

import psycopg2

EVERY_S = 0.05
lock = threading.Lock()


def answer(host, password):
    try:
        connection = psycopg2.connect(
            host=host, user="postgres", password=password, dbname="postgres", connect_timeout=2
        )
    except psycopg2.OperationalError:
        return "nothing"
    try:
        with connection.cursor() as cursor:
            cursor.execute("select pg_is_in_recovery()")
            return "reads" if cursor.fetchone()[0] else "writes"
    except psycopg2.Error:
        return "nothing"
    finally:
        connection.close()


def watch(host, password):
    before = None
    while True:
        now = answer(host, password)
        if now != before:
            with lock:
                print(int(time.time() * 1000), host, now, flush=True)
        before = now
        time.sleep(EVERY_S)


if __name__ == "__main__":
    password, *hosts = sys.argv[1:]
    for host in hosts:
        threading.Thread(target=watch, args=(host, password)).start()
