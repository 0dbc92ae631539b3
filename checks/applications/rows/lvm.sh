# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# LVM: lvm2 reads and writes the labels and metadata of its devices with libaio. It sees one loop device
# and nothing else of this machine. No volume is activated: that is the device mapper's work, without
# AIO, and would touch the machine.
packages='libdevmapper1.02.1 libdevmapper-event1.02.1 libblkid1 libudev1 libsystemd0 libedit2 libselinux1'
unpacked='lvm2'
rows='volumes'

row_volumes() {
	need_root 'it needs a loop device'
	local lvm=$files/sbin/lvm volume size=8
	fallocate -l 256M disk
	loop_device disk
	mkdir etc run
	cat >etc/lvm.conf <<-END
		devices { filter = [ "a|^$device\$|", "r|.*|" ] use_devicesfile = 0 obtain_device_list_from_udev = 0 }
		activation { udev_sync = 0 udev_rules = 0 verify_udev_operations = 0 monitoring = 0 }
		backup { backup = 0 archive = 0 }
		global { use_aio = 1 locking_dir = "$PWD/run" use_lvmpolld = 0 event_activation = 0 }
	END
	export LVM_SYSTEM_DIR=$PWD/etc LVM_RUN_DIR=$PWD/run LVM_SUPPRESS_FD_WARNINGS=1
	drive "$lvm" pvcreate --driverloaded n "$device"
	drive "$lvm" vgcreate --driverloaded n group "$device"
	for volume in $(seq 8); do
		drive "$lvm" lvcreate --driverloaded n -an -Zn -Wn -L 8M -n "volume$volume" group
	done
	drive "$lvm" lvextend --driverloaded n -L 24M group/volume1
	drive "$lvm" lvremove --driverloaded n -y group/volume2
	drive "$lvm" vgck --driverloaded n group
	# What is on the disk, read anew.
	drive "$lvm" lvs --driverloaded n --noheadings --units m -o lv_name,lv_size,seg_pe_ranges group >volumes
	cat volumes
	grep -q 'volume1 *24.00m' volumes
	if grep -q 'volume2 ' volumes; then return 1; fi
	[ "$(grep -o 'volume[0-9]' volumes | sort -u | wc -l)" = 7 ]
	same "$(sed "s|$device|disk|g" volumes)"
	result '8 volumes made, 1 grown, 1 removed, 7 listed'
}
