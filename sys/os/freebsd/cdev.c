/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * /dev/vmmctl and /dev/vmm/NAME: open, ioctl, mmap.  The kernel copies arguments from and to
 * user space by the sizes that are in the command; the core sees kernel memory only.  An offset
 * into /dev/vmm/NAME is a guest physical address.
 *
 * A node goes with its VM: destroy_dev waits for threads in here, which get ENXIO, and ends the
 * opens; ioctl(2) of their descriptors gives ENOTTY from then on, which is devfs's answer.  An open
 * holds a reference on the VM, as a map does (pager.c).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/fcntl.h>
#include <sys/ioccom.h>
#include <sys/jail.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/proc.h>
#include <sys/ucred.h>
#include <vm/vm.h>
#include <vm/vm_object.h>

#include "vmm_freebsd.h"

#include <vmm.h>

#define NO_GROUP (~0u)

/* The core's numbers where FreeBSD has others (core/errno.h). */
#define CORE_EAGAIN	  11
#define CORE_ENAMETOOLONG 36
#define CORE_EOPNOTSUPP	  95

struct vm_node {
	struct vm *vm; /* not referenced: the node goes before the VM does */
	struct vmm_mapped *mapped;
	struct cdev *dev;
};

/* An open of a node; what it binds is its own (vm_file_ioctl). */
struct vm_file {
	struct vm *vm; /* referenced */
};

static struct cdev *vmmctl_dev;
static u_int nodes; /* [a] */

int
vmm_errno(int core_error)
{
	switch (-core_error) {
	case CORE_EAGAIN:
		return EAGAIN;
	case CORE_ENAMETOOLONG:
		return ENAMETOOLONG;
	case CORE_EOPNOTSUPP:
		return EOPNOTSUPP;
	default:
		return -core_error;
	}
}

/* ---- ioctls: number and direction must be those of the list ---- */

#define IOC_N(letter, ordinal, type)  _IO(letter, ordinal)
#define IOC_R(letter, ordinal, type)  _IOR(letter, ordinal, type)
#define IOC_W(letter, ordinal, type)  _IOW(letter, ordinal, type)
#define IOC_WR(letter, ordinal, type) _IOWR(letter, ordinal, type)

#define VM_CMD(name, ordinal, dir, type)     [ordinal] = IOC_##dir('v', ordinal, type),
#define VMMCTL_CMD(name, ordinal, dir, type) [ordinal] = IOC_##dir('V', ordinal, type),
#define ARG_FITS(name, ordinal, dir, type) \
	_Static_assert(sizeof(type) <= VMM_IOCTL_MAX_SIZE && sizeof(type) < IOCPARM_MAX, #name);

static const u_long vm_cmds[] = { VMM_IOCTL_LIST(VM_CMD) };
static const u_long vmmctl_cmds[] = { VMMCTL_IOCTL_LIST(VMMCTL_CMD) };
VMM_IOCTL_LIST(ARG_FITS)
VMMCTL_IOCTL_LIST(ARG_FITS)

/* Also of the kernel's own letters, which it passes on: none is of any use here. */
static bool
cmd_is_known(u_long cmd, const u_long *cmds, size_t ncmds)
{
	u_long nr = cmd & 0xff;

	return nr < ncmds && cmd == cmds[nr];
}

/* What the core hands out of an argument that came zeroed is all that gets out of it. */
static int
vm_node_ioctl(struct cdev *dev __unused, u_long cmd, caddr_t data, int fflag __unused,
    struct thread *td __unused)
{
	struct vm_file *file;
	int error = devfs_get_cdevpriv((void **)&file);

	if (error != 0)
		return error;
	if (LOAD_ONCE(vmm_rebooting))
		return ENXIO;
	if (!cmd_is_known(cmd, vm_cmds, nitems(vm_cmds)))
		return ENOTTY;
	error = vm_file_ioctl(file->vm, file, cmd & 0xff, data, IOCPARM_LEN(cmd));
	return vmm_errno(error);
}

static int
vmmctl_dev_ioctl(struct cdev *dev __unused, u_long cmd, caddr_t data, int fflag __unused,
    struct thread *td __unused)
{
	if (!cmd_is_known(cmd, vmmctl_cmds, nitems(vmmctl_cmds)))
		return ENOTTY;
	return vmm_errno(vmmctl_ioctl(cmd & 0xff, data, IOCPARM_LEN(cmd)));
}

/* ---- open and close ---- */

static void
vm_file_gone(void *arg)
{
	struct vm_file *file = arg;

	vm_file_closed(file->vm, file);
	vm_put(file->vm);
	free(file, M_VMM);
}

/* Users of a jail have the numbers of users outside, whose VMs they would own. */
static int
check_jail(struct thread *td)
{
	return jailed(td->td_ucred) ? EPERM : 0;
}

/* The name may have gone to another VM since the path was looked up: then it is not this node's. */
static int
vm_node_open(struct cdev *dev, int oflags __unused, int devtype __unused, struct thread *td)
{
	struct vm_node *node = dev->si_drv1;
	struct vm_file *file;
	struct vm *vm;
	int error = check_jail(td);

	if (error == 0)
		error = vmm_errno(vm_open(node->vm->name, &vm));
	if (error != 0)
		return error;
	if (vm != node->vm) {
		vm_put(vm);
		return ENXIO;
	}
	file = malloc(sizeof(*file), M_VMM, M_WAITOK | M_ZERO);
	file->vm = vm;
	error = devfs_set_cdevpriv(file, vm_file_gone);
	if (error != 0)
		vm_file_gone(file);
	return error;
}

static int
vmmctl_open(struct cdev *dev __unused, int oflags __unused, int devtype __unused, struct thread *td)
{
	return check_jail(td);
}

/* ---- mmap: always shared, which VM sees to for devices ---- */

static int
vm_node_mmap(
    struct cdev *dev, vm_ooffset_t *offset, vm_size_t size, vm_object_t *object, int nprot __unused)
{
	struct vm_node *node = dev->si_drv1;

	*object = vmm_pager_map(node->mapped, (uint64_t)*offset, size);
	return *object != NULL ? 0 : EINVAL;
}

/* vm->os is set for as long as the node is there. */
void
os_unmap_user(void *vm_os, uint64_t gpa, uint64_t len)
{
	struct vm_node *node = vm_os;

	if (node != NULL && len != 0)
		vmm_pager_unmap(node->mapped, gpa, len);
}

/* ---- /dev/vmm/NAME comes and goes ---- */

static struct cdevsw vm_node_cdevsw = {
	.d_version = D_VERSION,
	.d_name = "vmm",
	.d_open = vm_node_open,
	.d_ioctl = vm_node_ioctl,
	.d_mmap_single = vm_node_mmap,
};

static int
node_make_dev(struct vm_node *node)
{
	const struct vm *vm = node->vm;
	bool shared = vm->gid != NO_GROUP;
	struct make_dev_args args;

	make_dev_args_init(&args);
	args.mda_flags = MAKEDEV_WAITOK | MAKEDEV_CHECKNAME;
	args.mda_devsw = &vm_node_cdevsw;
	args.mda_uid = vm->uid;
	args.mda_gid = shared ? vm->gid : 0;
	args.mda_mode = shared ? 0660 : 0600;
	args.mda_si_drv1 = node;
	return make_dev_s(&args, &node->dev, "vmm/%s", vm->name);
}

int
os_vm_node_create(struct vm *vm)
{
	struct vm_node *node = malloc(sizeof(*node), M_VMM, M_WAITOK | M_ZERO);
	int error = vmm_hold() ? 0 : ENXIO;

	if (error != 0)
		goto free;
	node->vm = vm;
	error = vmm_pager_create(vm, &node->mapped);
	if (error != 0)
		goto drop;
	vm->os = node;
	error = node_make_dev(node);
	if (error == 0) {
		atomic_add_int(&nodes, 1);
		return 0;
	}
	vm->os = NULL;
	vmm_pager_destroy(node->mapped);
drop:
	vmm_drop();
free:
	free(node, M_VMM);
	return -error;
}

/*
 * vm->dying is set: whoever is in an ioctl leaves it soon, and destroy_dev waits for that.  Faults
 * look at dying under mem_lock, so what vmm_pager_destroy takes out does not come back.
 */
void
os_vm_node_destroy(struct vm *vm)
{
	struct vm_node *node = vm->os;

	if (node == NULL)
		return;
	destroy_dev(node->dev);
	atomic_subtract_int(&nodes, 1);
	os_mutex_lock(&vm->mem_lock);
	vm->os = NULL;
	os_mutex_unlock(&vm->mem_lock);
	vmm_pager_destroy(node->mapped);
	free(node, M_VMM);
	vmm_drop();
}

u_int
vmm_cdev_nodes(void)
{
	return atomic_load_int(&nodes);
}

/* ---- the module's part ---- */

/* Anybody may make VMs of their own; what a VM needs is charged to who makes it. */
static struct cdevsw vmmctl_cdevsw = {
	.d_version = D_VERSION,
	.d_name = "vmmctl",
	.d_open = vmmctl_open,
	.d_ioctl = vmmctl_dev_ioctl,
};

int
vmm_cdev_init(void)
{
	struct make_dev_args args;
	int error;

	make_dev_args_init(&args);
	args.mda_flags = MAKEDEV_WAITOK | MAKEDEV_CHECKNAME;
	args.mda_devsw = &vmmctl_cdevsw;
	args.mda_uid = 0;
	args.mda_gid = 0;
	args.mda_mode = 0666;
	error = make_dev_s(&args, &vmmctl_dev, "vmmctl");
	if (error != 0)
		vmm_err("no /dev/vmmctl (error %d); is another driver of that name loaded?", error);
	return error;
}

void
vmm_cdev_fini(void)
{
	destroy_dev(vmmctl_dev);
}
