/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * /dev/vmmctl and /dev/vmm/NAME: open, ioctl, mmap.  The copies from and to user space are
 * made here, sized by VMM_IOCTL_LIST; the core sees kernel memory only.  An offset into
 * /dev/vmm/NAME is a guest physical address.
 *
 * A node outlives its VM's destruction for as long as somebody has it open.  Each open file
 * holds a reference on the node and one on the VM; a mapping holds its file.
 *
 * Locks: mmap_lock -> vm->mem_lock -> i_mmap_rwsem.  No copy is made with a lock held.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/ioctl.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "vmm_linux.h"

#include <vmm.h>

#define VMM_MINORS   4096u
#define VMM_FS_MAGIC 0x62687976 /* "bhyv" */
#define SMALL_ARG    128u	/* up to here an argument lives on the stack */

struct vm_node {
	struct device dev;   /* its reference count is the node's */
	struct vm *vm;	     /* valid for who holds an open file, and until destruction */
	struct inode *inode; /* of no file system: its mapping is shared by all opens */
	char name[VM_MAX_NAMELEN + 1];
	kuid_t uid;
	kgid_t gid; /* invalid: none */
	u32 minor;
};

static dev_t vmm_devt;
static struct cdev vmm_cdev;
static struct class *vmm_class;
static struct vfsmount *vmm_mnt;
static DEFINE_XARRAY_ALLOC(vmm_nodes); /* by minor; its lock makes look-up and reference one */

/* ---- ioctls: number and direction must be those of the list ---- */

#define IOC_N(letter, ordinal, type)  _IO(letter, ordinal)
#define IOC_R(letter, ordinal, type)  _IOR(letter, ordinal, type)
#define IOC_W(letter, ordinal, type)  _IOW(letter, ordinal, type)
#define IOC_WR(letter, ordinal, type) _IOWR(letter, ordinal, type)

#define VM_CMD(name, ordinal, dir, type)     [ordinal] = IOC_##dir('v', ordinal, type),
#define VMMCTL_CMD(name, ordinal, dir, type) [ordinal] = IOC_##dir('V', ordinal, type),
#define ARG_FITS(name, ordinal, dir, type)   static_assert(sizeof(type) <= VMM_IOCTL_MAX_SIZE);

static const unsigned int vm_cmds[] = { VMM_IOCTL_LIST(VM_CMD) };
static const unsigned int vmmctl_cmds[] = { VMMCTL_IOCTL_LIST(VMMCTL_CMD) };
VMM_IOCTL_LIST(ARG_FITS)
VMMCTL_IOCTL_LIST(ARG_FITS)

static const unsigned int vm_run_cmd = _IOWR('v', IOCNUM_RUN, struct vm_run);

static struct vm *
file_vm(const struct file *file)
{
	const struct vm_node *node = file->private_data;

	return node->vm;
}

/* file is NULL for /dev/vmmctl. */
static long
dispatch(const struct file *file, unsigned int cmd, void *arg)
{
	if (file != NULL)
		return vm_file_ioctl(file_vm(file), file, _IOC_NR(cmd), arg, _IOC_SIZE(cmd));
	return vmmctl_ioctl(_IOC_NR(cmd), arg, _IOC_SIZE(cmd));
}

static long
copy_and_dispatch(const struct file *file, unsigned int cmd, void __user *user, void *arg)
{
	size_t size = _IOC_SIZE(cmd);
	long error;

	if ((_IOC_DIR(cmd) & _IOC_WRITE) == 0)
		memset(arg, 0, size);
	else if (copy_from_user(arg, user, size) != 0)
		return -EFAULT;
	error = dispatch(file, cmd, arg);
	if (error == 0 && (_IOC_DIR(cmd) & _IOC_READ) != 0 && copy_to_user(user, arg, size) != 0)
		error = -EFAULT;
	return error;
}

static noinline long
small_ioctl(const struct file *file, unsigned int cmd, void __user *user)
{
	u64 arg[SMALL_ARG / sizeof(u64)];

	return copy_and_dispatch(file, cmd, user, arg);
}

static noinline long
large_ioctl(const struct file *file, unsigned int cmd, void __user *user)
{
	void *arg = kmalloc(_IOC_SIZE(cmd), GFP_KERNEL);
	long error = -ENOMEM;

	if (arg != NULL)
		error = copy_and_dispatch(file, cmd, user, arg);
	kfree(arg);
	return error;
}

static long
checked_ioctl(const struct file *file, unsigned int cmd, unsigned long user,
    const unsigned int *cmds, size_t ncmds)
{
	unsigned int nr = _IOC_NR(cmd);

	if (nr >= ncmds || cmd != cmds[nr])
		return -ENOTTY;
	if (_IOC_SIZE(cmd) <= SMALL_ARG)
		return small_ioctl(file, cmd, (void __user *)user);
	return large_ioctl(file, cmd, (void __user *)user);
}

/*
 * The hot path: what goes in lies before the exit, what comes out is the exit, which vm_run
 * writes whole whenever it returns 0: nothing of our stack gets out.
 */
static noinline long
run_ioctl(struct vm *vm, struct vm_run __user *user)
{
	struct vm_run run;
	long error;

	if (unlikely(READ_ONCE(vmm_rebooting)))
		return -ENXIO;
	if (copy_from_user(&run, user, offsetof(struct vm_run, exit)) != 0)
		return -EFAULT;
	error = vm_ioctl(vm, IOCNUM_RUN, &run, sizeof(run));
	if (error == 0 && copy_to_user(&user->exit, &run.exit, sizeof(run.exit)) != 0)
		error = -EFAULT;
	return error;
}

static long
vm_fops_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (likely(cmd == vm_run_cmd))
		return run_ioctl(file_vm(file), (struct vm_run __user *)arg);
	return checked_ioctl(file, cmd, arg, vm_cmds, NELEM(vm_cmds));
}

static long
vmmctl_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return checked_ioctl(NULL, cmd, arg, vmmctl_cmds, NELEM(vmmctl_cmds));
}

/* ---- open and close ---- */

static struct vm_node *
node_get(unsigned int minor)
{
	struct vm_node *node;

	xa_lock(&vmm_nodes);
	node = xa_load(&vmm_nodes, minor);
	if (node != NULL)
		get_device(&node->dev);
	xa_unlock(&vmm_nodes);
	return node;
}

/* The name may have gone to another VM since the path was looked up: then it is not this node's. */
static int
vm_file_open(struct inode *inode, struct file *file)
{
	struct vm_node *node = node_get(iminor(inode));
	struct vm *vm;
	int error;

	if (node == NULL)
		return -ENXIO;
	error = vm_open(node->name, &vm);
	if (error != 0)
		goto put_node;
	if (vm != node->vm) {
		vm_put(vm);
		error = -ENXIO;
		goto put_node;
	}
	file->private_data = node;
	file->f_mapping = node->inode->i_mapping;
	file->f_mode |= FMODE_UNSIGNED_OFFSET; /* a gpa has 40 bits, whatever a long has */
	return 0;
put_node:
	put_device(&node->dev);
	return error;
}

static int
vm_file_release(struct inode *inode, struct file *file)
{
	struct vm_node *node = file->private_data;

	file->f_mapping = inode->i_mapping;
	vm_file_closed(node->vm, file);
	vm_put(node->vm);
	put_device(&node->dev);
	return 0;
}

/* ---- mmap ---- */

/*
 * Under mem_lock from the look at the VM to the insertion, so that a page which was discarded,
 * unmapped or destroyed meanwhile is not inserted behind the back of os_unmap_user.  What the
 * guest may not write (flash) its owner may: prot of a map binds the guest alone.
 */
static vm_fault_t
vm_file_fault(struct vm_fault *vmf)
{
	struct vm_node *node = vmf->vma->vm_file->private_data;
	struct vm *vm = node->vm;
	vm_fault_t verdict = VM_FAULT_SIGBUS;
	struct os_gpage *pg;
	int error = 0;

	os_mutex_lock(&vm->mem_lock);
	if (LOAD_ONCE(vm->dying) == 0) {
		pg = vm_mem_page(vm, GPA((u64)vmf->pgoff << PAGE_SHIFT), VM_PROT_READ, &error);
		if (pg != NULL)
			verdict = vmf_insert_page(vmf->vma, vmf->address, (struct page *)pg);
	}
	os_mutex_unlock(&vm->mem_lock);
	return verdict;
}

static const struct vm_operations_struct vm_file_vm_ops = { .fault = vm_file_fault };

static int
vm_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	u64 gpa = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 len = vma->vm_end - vma->vm_start;

	if ((vma->vm_flags & VM_MAYSHARE) == 0)
		return -EINVAL; /* a private copy of guest memory is of no use to anybody */
	if (vma->vm_pgoff > (VM_MAX_GPA >> PAGE_SHIFT) || len > VM_MAX_GPA - gpa)
		return -EINVAL;
	vma->vm_flags |= VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP;
	vma->vm_ops = &vm_file_vm_ops;
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.open = vm_file_open,
	.release = vm_file_release,
	.unlocked_ioctl = vm_fops_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vm_file_mmap,
	.llseek = noop_llseek,
};

void
os_unmap_user(void *vm_os, uint64_t gpa, uint64_t len)
{
	struct vm_node *node = vm_os;

	if (node != NULL && len != 0)
		unmap_mapping_range(node->inode->i_mapping, (loff_t)gpa, (loff_t)len, 1);
}

/* ---- /dev/vmm/NAME comes and goes ---- */

static void
node_release(struct device *dev)
{
	struct vm_node *node = container_of(dev, struct vm_node, dev);

	iput(node->inode);
	kfree(node);
}

/* Asked for the name alone, the kernel passes NULL for the rest. */
static char *
node_devnode(struct device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	struct vm_node *node = container_of(dev, struct vm_node, dev);
	bool shared = gid_valid(node->gid);

	if (mode != NULL)
		*mode = shared ? 0660 : 0600;
	if (uid != NULL)
		*uid = node->uid;
	if (gid != NULL && shared)
		*gid = node->gid;
	return NULL; /* "vmm!NAME" is vmm/NAME without our help */
}

static const struct device_type node_type = { .name = "vm", .devnode = node_devnode };

static struct vm_node *
node_alloc(struct vm *vm)
{
	struct vm_node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

	if (node == NULL)
		return NULL;
	node->inode = alloc_anon_inode(vmm_mnt->mnt_sb);
	if (IS_ERR(node->inode)) {
		kfree(node);
		return NULL;
	}
	node->vm = vm;
	node->uid = make_kuid(&init_user_ns, vm->uid);
	node->gid = make_kgid(&init_user_ns, vm->gid);
	memcpy(node->name, vm->name, sizeof(node->name));
	device_initialize(&node->dev);
	node->dev.class = vmm_class;
	node->dev.type = &node_type;
	node->dev.release = node_release;
	return node;
}

int
os_vm_node_create(struct vm *vm)
{
	struct vm_node *node = node_alloc(vm);
	int error;

	if (node == NULL)
		return -ENOMEM;
	error = dev_set_name(&node->dev, "vmm!%s", node->name);
	if (error == 0)
		error = xa_alloc(
		    &vmm_nodes, &node->minor, node, XA_LIMIT(0, VMM_MINORS - 1), GFP_KERNEL);
	if (error != 0) {
		error = error == -EBUSY ? -ENOSPC : error;
		goto put;
	}
	node->dev.devt = MKDEV(MAJOR(vmm_devt), node->minor);
	__module_get(THIS_MODULE); /* rmmod says busy while a VM lives */
	vm->os = node;
	error = device_add(&node->dev);
	if (error == 0)
		return 0;
	vm->os = NULL;
	module_put(THIS_MODULE);
	xa_erase(&vmm_nodes, node->minor);
put:
	put_device(&node->dev);
	return error;
}

/*
 * vm->dying is set.  Faults look at it under mem_lock, so once the lock has been had no page
 * is inserted any more, and what has been is torn down here.
 */
void
os_vm_node_destroy(struct vm *vm)
{
	struct vm_node *node = vm->os;

	if (node == NULL)
		return;
	/* The number is free once sysfs forgot it; who opens it meanwhile finds the VM dying. */
	device_del(&node->dev);
	xa_erase(&vmm_nodes, node->minor);
	os_mutex_lock(&vm->mem_lock);
	vm->os = NULL;
	os_mutex_unlock(&vm->mem_lock);
	unmap_mapping_range(node->inode->i_mapping, 0, 0, 1);
	put_device(&node->dev);
	module_put(THIS_MODULE);
}

/* ---- the module's part ---- */

static const struct file_operations vmmctl_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vmmctl_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* Anybody may make VMs of their own; what a VM needs is charged to who makes it. */
static struct miscdevice vmmctl_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vmmctl",
	.mode = 0666,
	.fops = &vmmctl_fops,
};

static int
vmm_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, VMM_FS_MAGIC) != NULL ? 0 : -ENOMEM;
}

/* Has no owner on purpose: the mount is ours until vmm_cdev_fini and must not pin us. */
static struct file_system_type vmm_fs = {
	.name = "vmm",
	.init_fs_context = vmm_fs_init,
	.kill_sb = kill_anon_super,
};

static int
region_init(void)
{
	int error;

	error = alloc_chrdev_region(&vmm_devt, 0, VMM_MINORS, "vmm");
	if (error != 0)
		return error;
	cdev_init(&vmm_cdev, &vm_fops);
	vmm_cdev.owner = THIS_MODULE;
	error = cdev_add(&vmm_cdev, vmm_devt, VMM_MINORS);
	if (error != 0)
		unregister_chrdev_region(vmm_devt, VMM_MINORS);
	return error;
}

static void
region_fini(void)
{
	cdev_del(&vmm_cdev);
	unregister_chrdev_region(vmm_devt, VMM_MINORS);
}

int
vmm_cdev_init(void)
{
	int error;

	vmm_mnt = kern_mount(&vmm_fs);
	if (IS_ERR(vmm_mnt))
		return PTR_ERR(vmm_mnt);
	vmm_class = class_create(THIS_MODULE, "vmm");
	if (IS_ERR(vmm_class)) {
		error = PTR_ERR(vmm_class);
		goto unmount;
	}
	error = region_init();
	if (error != 0)
		goto class;
	error = misc_register(&vmmctl_dev);
	if (error == 0)
		return 0;
	region_fini();
	class : class_destroy(vmm_class);
unmount:
	kern_unmount(vmm_mnt);
	return error;
}

void
vmm_cdev_fini(void)
{
	misc_deregister(&vmmctl_dev);
	region_fini();
	class_destroy(vmm_class);
	kern_unmount(vmm_mnt);
	xa_destroy(&vmm_nodes);
}
