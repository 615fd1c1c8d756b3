# SPDX-License-Identifier: BSD-2-Clause
#
# A thin front: user space is built by meson, the Linux module by Kbuild (lab/build-module), the
# ARM host is made and started by lab/host. `make help` lists the targets.

# The host that `make run` starts, and the guest in it.
MACHINE ?= virt
CPUS ?= 1
# armhf, or arm64: what the host is, and with it the guest.
ARCH ?= armhf
KERNEL ?= $(if $(filter arm64,$(ARCH)),arm64,armmp)
MEMORY ?= 768
VCPUS ?= 2
GUEST_MEMORY ?= 256M
# ram: busybox in a RAM disk. disk: Debian on the image of lab/guest-disk; SSH_PORT of this machine
# leads to it.
GUEST ?= ram
SSH_PORT ?= 2222
# With GUEST=disk. none: bhyve loads the disk's kernel; edk2, u-boot: Debian's firmware boots the disk
# and keeps its variables in build/firmware-NAME.img.
FIRMWARE ?= none
# Processor time that each fuzz target is to have had; `make fuzz` goes on where it was stopped.
FUZZ_SECONDS ?= 60

# Debian's own tools, whatever else stands first in the caller's PATH.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
export LC_ALL := C.UTF-8
# Some CI runs without a home.
HOME ?= $(shell getent passwd $$(id -u) | cut -d: -f6)
export HOME

CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/bhyve-arm
KBUILD := sys/os/linux/Kbuild

# ninja does not guard a build directory against a second ninja; two makes may well run at once.
NINJA = flock build/$(1).lock ninja $(NINJA_FLAGS) -C build/$(1)
NINJA_FLAGS ?= --quiet

.PHONY: help setup run build native clang armhf arm64 freebsd-user freebsd-module silicon module modules check check-all bench \
	coverage fuzz lint format clean
.DEFAULT_GOAL := help

help:
	@echo 'make run        everything from nothing to the shell of a guest under our vmm'
	@echo '                VCPUS=$(VCPUS) GUEST_MEMORY=$(GUEST_MEMORY): the guest.  MACHINE=$(MACHINE)|vexpress-a15 CPUS=$(CPUS)'
	@echo '                KERNEL=$(KERNEL)|armmp-lpae MEMORY=$(MEMORY): the host.  Ctrl-A X ends it all'
	@echo '                ARCH=$(ARCH)|arm64: a 64-bit host and guest'
	@echo '                GUEST=disk: Debian 12 on a disk, ssh at port SSH_PORT=$(SSH_PORT)'
	@echo '                FIRMWARE=$(FIRMWARE)|edk2|u-boot: what boots that disk'
	@echo 'make check      lints, builds, unit tests, fuzz corpora, a choice of system tests'
	@echo '                (TESTS=expression picks system tests, as pytest -k does)'
	@echo 'make check-all  all system tests; goes on where it was stopped (RESTART=1: from the start)'
	@echo 'make bench      instructions per operation'
	@echo 'make coverage   line coverage of sys/ by the unit tests'
	@echo 'make fuzz       libFuzzer on each fuzz target (FUZZ_SECONDS=$(FUZZ_SECONDS) TARGET=name)'
	@echo 'make build      module for both kernels, tools for the host, unit tests; see also'
	@echo '                native, clang, armhf, arm64, silicon, module (KERNEL=), modules'
	@echo 'make freebsd-user SYSROOT=DIRECTORY [LIBFDT=DIRECTORY]'
	@echo '                tools for FreeBSD on armv7, where its headers and libraries are'
	@echo 'make freebsd-module SYSDIR=DIRECTORY [KERNBUILDDIR=DIRECTORY]'
	@echo '                vmm.ko for FreeBSD on armv7, against the sources of its kernel'
	@echo 'make lint       layering, style and the like'
	@echo 'make format     let clang-format have its way with the sources'
	@echo 'make setup      only install and fetch what is missing (all others do it too)'
	@echo 'make clean      remove build/ (what was downloaded stays in $(CACHE))'
	@echo 'lab/host -h     start the ARM host by hand'

setup:
	@lab/setup -q
	@mkdir -p build
	@ln -sfn $(CACHE)/armhf/root/usr build/armhf-libs
	@ln -sfn $(CACHE)/arm64/root/usr build/arm64-libs

# $(call configure,DIRECTORY,OPTIONS). A directory that has got its first meson.build since is not
# something that ninja notices: the list of them is kept beside the build.
MESON_FILES = $(sort $(wildcard */meson.build */*/meson.build */*/*/meson.build))
configure = @flock build/$(1).lock sh -c 'd=build/$(1); if ! test -f $$d/build.ninja; then \
	rm -rf $$d && echo "setting up $$d" && meson setup $$d $(2) > $$d.log 2>&1; \
	elif test "$$(cat $$d/.dirs 2>/dev/null)" != "$(MESON_FILES)"; then \
	echo "setting up $$d again: directories came or went" && \
	meson setup --reconfigure $$d $(2) > $$d.log 2>&1; fi && \
	echo "$(MESON_FILES)" > $$d/.dirs || { cat $$d.log; exit 1; }'

native: setup
	$(call configure,native,-Db_sanitize=address$(comma)undefined)
	@$(call NINJA,native)

clang: setup
	$(call configure,clang,--native-file cross/clang.ini)
	@$(call NINJA,clang)

armhf: setup
	$(call configure,armhf,--cross-file cross/armhf.ini -Doptimization=2 -Dlibfdt_root=$(CURDIR)/build/armhf-libs)
	@$(call NINJA,armhf)

# Of what the 64-bit host is made nothing is needed elsewhere, so it is fetched here.
arm64: setup
	@lab/arm64-packages -q
	$(call configure,arm64,--cross-file cross/arm64.ini -Doptimization=2 -Dlibfdt_root=$(CURDIR)/build/arm64-libs)
	@$(call NINJA,arm64)

# The tools for FreeBSD on armv7, with clang, lld and llvm of this machine. SYSROOT: FreeBSD's headers
# and libraries (usr/include, usr/lib); LIBFDT: where include/libfdt.h and lib/libfdt.a stand, if not
# there.
freebsd-user:
	@test -f '$(SYSROOT)/usr/include/sys/event.h' || { echo 'freebsd-user: SYSROOT=DIRECTORY has to' \
		'be where FreeBSD has its usr/include and usr/lib; see docs/freebsd.md' >&2; exit 1; }
	@mkdir -p build
	@printf '%s\n' '[constants]' "sysroot = '$(abspath $(SYSROOT))'" > build/freebsd-sysroot.ini
	$(call configure,freebsd,--cross-file build/freebsd-sysroot.ini --cross-file cross/freebsd-armv7.ini -Doptimization=2 $(if $(LIBFDT),-Dlibfdt_root=$(abspath $(LIBFDT))))
	@$(call NINJA,freebsd)

# vmm.ko for FreeBSD on armv7, with bmake, clang, lld and llvm of this machine; on FreeBSD it is just
# make in sys/os/freebsd. SYSDIR: the kernel's sources, with share/mk of the same release beside them.
FREEBSD_TARGET = armv7-unknown-freebsd-gnueabihf
freebsd-module:
	@test -f '$(SYSDIR)/conf/kmod.mk' || { echo 'freebsd-module: SYSDIR=DIRECTORY has to be the sys of' \
		"FreeBSD's sources; see docs/freebsd.md" >&2; exit 1; }
	@command -v bmake >/dev/null || { echo 'freebsd-module: bmake is not installed' >&2; exit 1; }
	@mkdir -p build/freebsd-module
	@MAKEOBJDIR=$(CURDIR)/build/freebsd-module flock build/freebsd-module.lock \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL bmake -s -m $(abspath $(SYSDIR)/../share/mk) \
		-C sys/os/freebsd SRCTOP=$(abspath $(SYSDIR)/..) SYSDIR=$(abspath $(SYSDIR)) \
		$(if $(KERNBUILDDIR),KERNBUILDDIR=$(abspath $(KERNBUILDDIR))) \
		MACHINE=arm MACHINE_ARCH=armv7 MACHINE_CPUARCH=arm COMPILER_TYPE=clang \
		COMPILER_VERSION=140006 X_COMPILER_TYPE=clang X_COMPILER_VERSION=140006 LINKER_TYPE=lld \
		LINKER_VERSION=140006 LINKER_FEATURES='build-id' LD=ld.lld NM=llvm-nm OBJCOPY=llvm-objcopy \
		'CC=clang --target=$(FREEBSD_TARGET) -Qunused-arguments -Wno-unknown-warning-option' \
		SRCCONF=/dev/null __MAKE_CONF=/dev/null MK_CTF=no MK_SSP=no MK_MAN=no MK_AUTO_OBJ=no

# A sanitizer's runtime cannot come in behind QEMU's back: no sanitizers here.
silicon: setup
	$(call configure,silicon,-Dsilicon=true -Doptimization=2)
	@$(call NINJA,silicon)
	@ln -sfn tests/silicon/silicon.so build/silicon/silicon.so

comma := ,

module: setup
	@test ! -f $(KBUILD) || { echo 'building vmm.ko for $(KERNEL)' && lab/build-module $(KERNEL); }

modules: setup
	@lab/arm64-packages -q
	@for k in armmp armmp-lpae arm64; do $(MAKE) --no-print-directory -s module KERNEL=$$k || exit; done

build: native clang armhf arm64 silicon modules

GUEST_ram = -o kernel=/guest/vmlinuz -o initrd=/guest/initrd -o fdt.bootargs="console=ttyAMA0"
BOOT_none = -o kernel=/disk/vmlinuz -o initrd=/disk/initrd \
	-o fdt.bootargs="console=ttyAMA0 root=LABEL=guest-root ro"
BOOT_edk2 = -l bootrom,/fw/rom,/fw/vars
BOOT_u-boot = $(BOOT_edk2)
GUEST_disk = $(BOOT_$(FIRMWARE)) -s 4,virtio-blk,/dev/vda -s 5,virtio-rnd $(NETWORK)
NETWORK = -s 6,virtio-net,slirp,hostfwd=tcp::2222-:22
FIRMWARE_DISK = $(if $(filter disk,$(GUEST)),$(if $(filter-out none,$(FIRMWARE)),build/firmware-$(FIRMWARE).img))
HOST_disk = --drive build/guest-disk.img --forward $(SSH_PORT):2222 \
	$(if $(FIRMWARE_DISK),--drive $(FIRMWARE_DISK) --modules crc32c_generic$(comma)ext4,\
	--add $(CACHE)/guest-disk/vmlinuz:/disk/vmlinuz --add $(CACHE)/guest-disk/initrd:/disk/initrd)

# bhyve ends with 0 when the guest rebooted, 1 when it powered off, 2 when it halted.
run: $(ARCH) module
	$(if $(filter armhf arm64,$(ARCH)),,$(error ARCH=$(ARCH): there are armhf and arm64))
	$(if $(filter arm64disk,$(ARCH)$(GUEST)),$(error GUEST=disk: there is no arm64 disk so far))
	$(if $(GUEST_$(GUEST)),,$(error GUEST=$(GUEST): there are ram and disk))
	$(if $(BOOT_$(FIRMWARE)),,$(error FIRMWARE=$(FIRMWARE): there are none, edk2 and u-boot))
	@$(if $(filter disk,$(GUEST)),lab/guest-disk -q --copy build/guest-disk.img)
	@$(if $(FIRMWARE_DISK),lab/firmware-packages -q --disk $(FIRMWARE_DISK) $(FIRMWARE))
	@echo 'starting the host ($(MACHINE), $(KERNEL), $(CPUS) CPU) and in it a guest ($(VCPUS) vCPU);' \
		'Ctrl-A X ends both'
	@$(if $(filter disk,$(GUEST)),echo 'log in as root; or: ssh -i $(CACHE)/guest-disk/ssh-key' \
		'-p $(SSH_PORT) root@127.0.0.1')
	@lab/host --machine $(MACHINE) --cpus $(CPUS) --kernel $(KERNEL) --memory $(MEMORY) \
		$(HOST_$(GUEST)) --console '$(if $(FIRMWARE_DISK),mkdir /fw; mount -t ext4 /dev/vdb /fw;) \
		status=0; while [ $$status = 0 ]; do \
		bhyve -c $(VCPUS) -m $(GUEST_MEMORY) -o console=stdio $(GUEST_$(GUEST)) guest; \
		status=$$?; done; [ $$status -le 2 ]'

check: setup
	@lab/check $(if $(TESTS),--tests '$(TESTS)')

check-all: setup
	@lab/check --all $(if $(RESTART),--restart) $(if $(TESTS),--tests '$(TESTS)')

bench: armhf arm64 module
	@test -x bench/run || { echo 'bench/run does not exist yet' >&2; exit 1; }
	@bench/run

# From nothing: notes of objects that are no longer made confuse gcovr.
coverage: setup
	@rm -rf build/coverage
	$(call configure,coverage,-Db_coverage=true -Doptimization=0)
	@$(call NINJA,coverage)
	@meson test -C build/coverage --no-rebuild --quiet
	@gcovr --root . --filter 'sys/' --object-directory build/coverage build/coverage \
		--exclude-unreachable-branches

fuzz: setup
	$(call configure,fuzz,--native-file cross/clang.ini -Dfuzz=true -Doptimization=2 -Db_sanitize=address$(comma)undefined)
	@$(call NINJA,fuzz) $(patsubst tests/fuzz/%.c,tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
	@tests/fuzz/run build/fuzz $(FUZZ_SECONDS) $(TARGET)

lint: setup
	@tests/lint/run

format: setup
	@git -c safe.directory='*' ls-files -z -co --exclude-standard '*.c' '*.h' | xargs -0r clang-format -i

clean:
	rm -rf build
