/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a device model says of its options, and how it reads them: "-s 3,virtio-blk,disk.img,ro"
 * is pci.0.3.0.device=virtio-blk, pci.0.3.0.path=disk.img and pci.0.3.0.ro=true, as in
 * bhyve_config(5).  All is checked when the configuration is read, before a VM is made.
 */
#ifndef BHYVE_DEVCONF_H
#define BHYVE_DEVCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control_request;
struct dev_conf; /* one device's keys */
struct ev_loop;
struct guest_mem;

enum dev_option_type {
	DEV_OPT_STRING,
	DEV_OPT_BOOL,	/* "ro" alone is ro=true */
	DEV_OPT_NUMBER, /* min..max; 0x for hexadecimal; K, M, G */
	DEV_OPT_MAC,	/* 02:00:00:12:34:56 */
};

struct dev_option {
	const char *key; /* NULL ends the table; "port*" is all that begin so, "*" any other */
	enum dev_option_type type;
	const char *help; /* for -s help: what it is, one line */
	uint64_t min, max;
	/* Further check of a well-formed value: NULL, or what is wrong and what would be right. */
	const char *(*check)(const char *val);
	/*
	 * Where nobody says it: the value that holds then, as it would be written; or, where no
	 * value says that, a few words for people; or it must be given.
	 */
	const char *def, *otherwise;
	const char *unless; /* the default is none where this one is given; NULL */
	bool required;
};

enum dev_kind {
	DEV_PCI,    /* it is a struct pci_model (pci.h) */
	DEV_VIRTIO, /* a struct virtio_model (virtqueue.h) */
};

/* What -s and the configuration know of a device; the start of every model. */
struct dev_model {
	const char *name; /* "virtio-blk" */
	const char *help; /* one line for -s help */
	const struct dev_option *options;
	const char *legacy; /* key of a first option without '='; NULL */
	enum dev_kind kind;
	/*
	 * What does not go together, of options that are right each: a line in buf that begins
	 * with the option's name, or NULL.  May be NULL itself.
	 */
	const char *(*check)(const struct dev_conf *conf, char *buf, size_t size);
};

/* models.c: all there are, NULL at the end. */
const struct dev_model *const *dev_models(void);
/* devconf.c: NULL where there is none of that name. */
const struct dev_model *dev_model_find(const char *name);

/* What a device may use of the machine; immutable, outlives all devices. */
struct dev_env {
	const struct guest_mem *mem; /* while devices are made: its size, but nothing is there */
	struct ev_loop *loop;	     /* the main thread's */
	const char *vm_name;
	/*
	 * Have the module ring a doorbell (doorbell.h) when the guest stores at gpa, instead of
	 * leaving to bhyve.  size 0: of any size, whatever the data; else only stores of `data'.
	 * -1 with errno where it cannot: then the store comes as an access, as ever.  NULL: never.
	 */
	int (*bind_doorbell)(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd);
	void (*unbind_doorbell)(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd);
	/* An MSI; a level.  Any thread. */
	void (*raise_msi)(void *arg, uint64_t addr, uint32_t data);
	void (*set_irq)(void *arg, uint32_t intid, bool level);
	/* Give whole pages of RAM back to the host: they read as zeros afterwards.  Any thread. */
	int (*discard)(void *arg, uint64_t gpa, uint64_t len);
	/*
	 * Answer these requests of other programs (control.h) while the VM runs, with dev; both
	 * stay as long as the device.  -1: another device does already.  NULL: nobody asks.
	 */
	int (*answer)(void *arg, const struct control_request *requests, void *dev);
	void *arg;
};

/* The value as given, or what holds without it, or NULL.  Stays valid while bhyve runs. */
const char *dev_conf_get(const struct dev_conf *conf, const char *key);
/* The same of options of that type; false and 0 where no value holds. */
bool dev_conf_bool(const struct dev_conf *conf, const char *key);
uint64_t dev_conf_number(const struct dev_conf *conf, const char *key);
/* False: not given. */
bool dev_conf_mac(const struct dev_conf *conf, const char *key, uint8_t mac[6]);
/*
 * The device's keys that were given, also those that a "*" option took, in the order of their
 * names.  *key is NULL for the first, then what the last call gave; false: there are no more.
 */
bool dev_conf_next(const struct dev_conf *conf, const char **key);
/* "-s 3,virtio-blk", for messages. */
const char *dev_conf_where(const struct dev_conf *conf);

/* How its keys begin, "pci.0.3.0.": for what must be the same whenever the VM runs. */
const char *dev_conf_place(const struct dev_conf *conf);

#endif /* BHYVE_DEVCONF_H */
