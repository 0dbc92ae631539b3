# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# thin-provisioning-tools write and read the metadata of thin volumes.
packages='thin-provisioning-tools'
rows='metadata'

row_metadata() {
	awk 'BEGIN {
		n = 60000
		print "<superblock uuid=\"\" time=\"1\" transaction=\"1\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"" n * 2 "\">"
		print "<device dev_id=\"1\" mapped_blocks=\"" n "\" transaction=\"0\" creation_time=\"0\" snap_time=\"1\">"
		for (i = 0; i < n; i++) print "<single_mapping origin_block=\"" i "\" data_block=\"" (i * 7919) % n * 2 "\" time=\"0\"/>"
		print "</device>\n</superblock>"
	}' >metadata.xml
	fallocate -l 32M metadata
	drive thin_restore -i metadata.xml -o metadata
	drive thin_check metadata
	drive thin_dump metadata >dump.xml
	# The same mappings must come out as went in.
	diff <(grep -o 'origin_block.*time' metadata.xml) <(grep -o 'origin_block.*time' dump.xml)
	same "$(sha256sum dump.xml)"
	result '60000 mappings restored, checked, dumped'
}
