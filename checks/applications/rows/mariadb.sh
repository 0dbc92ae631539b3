# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# MariaDB with native AIO: a server of its own under load is killed; what it had committed must be there
# when it has recovered. It has no network and no privileges. It collects events by a system call of its own; so where
# the kernel refuses AIO, it has to hear of it from io_setup, and goes on with threads of its own.
packages='mariadb-server-core mariadb-client-core sysbench'
rows='killed enosys eperm'

# Whether it is to have native AIO.
native=1

# server: starts it, and waits until it answers.
server() {
	# InnoDB takes io_uring when it can and may, in versions that have the option.
	start mariadbd --no-defaults --datadir="$PWD/data" --tmpdir="$PWD/data" --socket="$PWD/socket" --skip-networking \
		--pid-file="$PWD/data/pid" --innodb-use-native-aio=1 --loose-innodb-linux-aio=aio --innodb-flush-method=O_DIRECT \
		--innodb-buffer-pool-size=24M --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=1 \
		--innodb-io-capacity=2000 --aria-pagecache-buffer-size=8M 2>>server.log
	for _ in $(seq 300); do
		if client -e 'select 1' >/dev/null 2>&1; then break; fi
		kill -0 "$started" 2>/dev/null || break
		sleep 0.1
	done
	client -e 'select @@version' || { cat server.log; return 1; }
	if [ $native = 0 ]; then
		grep -iE 'InnoDB:.*(falling back|disabled|fallback|AIO.*unsupported|io_setup)' server.log || { cat server.log; return 1; }
		return
	fi
	[ "$(client -e 'select @@innodb_use_native_aio')" = 1 ]
	grep -E 'InnoDB: Using (Linux native AIO|linux_aio|native AIO|libaio)' server.log || { cat server.log; return 1; }
}
client() { mariadb --no-defaults --socket="$PWD/socket" --user=root --batch --skip-column-names "$@"; }
load() {
	sysbench oltp_read_write --mysql-socket="$PWD/socket" --mysql-user=root --mysql-db=work --tables=4 --table-size=25000 \
		--threads=4 --rand-seed=1 "$@"
}

row_killed() {
	as_nobody
	kill_and_recover
}

row_enosys() { refused ENOSYS; }
row_eperm() { refused EPERM; }

# refused ERROR: where the kernel answers so to every AIO system call.
refused() {
	native=0
	as_nobody
	cc -O2 -o refuse "$here/../../c-tests/without-aio/refuse.c"
	as+=("$PWD/refuse" "$1")
	no_context
	kill_and_recover
}

kill_and_recover() {
	case ${LIBAIO_ENGINE-} in threads) skip 'it collects events by its own system call, which only kernel AIO answers' ;; esac
	local acknowledged tables recovered
	"${as[@]}" mkdir data
	"${as[@]}" mariadb-install-db --no-defaults --datadir="$PWD/data" --auth-root-authentication-method=normal \
		--skip-test-db >install.log 2>&1 || { cat install.log; return 1; }
	server
	client -e 'create database work; use work;
		create table still as select seq, sha2(seq, 512) a, repeat(sha2(seq, 224), 20) b from seq_1_to_20000;
		create table ledger (id int primary key, content char(64)) engine=innodb'
	load prepare >prepare.log || { cat prepare.log; return 1; }
	client -e 'checksum table work.still' >still

	# A number is in the file only when its row is committed.
	seq 1000000 | sed 's/.*/insert into ledger values (&, sha2(&, 256)); select &;/' |
		client --unbuffered work >ledger 2>ledger.log &
	local ledger=$!
	load --time=60 --report-interval=1 run >load.log 2>&1 &
	local load=$!
	sleep 8
	kill -9 "$started"
	finish || true
	wait "$load" "$ledger" || true
	acknowledged=$(tail -n 1 ledger)
	grep tps load.log
	[ "$acknowledged" -gt 100 ]

	server
	grep -i 'recovery' server.log
	[ "$(client work -e "select count(*) from ledger where id <= $acknowledged and content = sha2(id, 256)")" = "$acknowledged" ]
	client -e 'checksum table work.still' | diff still -
	tables=$(client -e "select group_concat('work.', table_name) from information_schema.tables where table_schema = 'work'")
	client -e "check table $tables extended" | tee checked
	[ "$(grep -c 'status.*OK$' checked)" = 6 ]
	recovered=$(client -e 'select sum(c) from (select count(*) c from work.sbtest1 union all select count(*) from work.sbtest2) t')
	[ "$recovered" = 50000 ]
	load --time=3 run >again.log || { cat again.log; return 1; }
	client -e shutdown
	finish
	# Every page as it is on the disk.
	for each in data/work/*.ibd; do innochecksum "$each"; done
	same "$(cat still checked)"
	result "$acknowledged commits there after kill -9, $(sed -n 's/.*transactions: .*(\(.*\) per sec.)/\1 tps/p' again.log)"
}
