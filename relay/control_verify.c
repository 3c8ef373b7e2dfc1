/* SPDX-License-Identifier: ISC */
#include "relay/control_verify.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "relay/mem.h"
#include "relay/verify_report.h"

struct control_verify {
	struct spool_verify *verify; /* NULL: it could not be begun, see error */
	int error;
	struct verify_report report;
	struct buf lines; /* of the last step, on their way */
	bool is_over;
	job_wake_cb wake;
	void *owner;
};

struct control_verify *control_verify_open(
	struct spool *spool, job_wake_cb wake, void *owner)
{
	struct control_verify *verify = mem_alloc(sizeof *verify);

	verify->wake = wake;
	verify->owner = owner;
	verify->verify = spool_verify_open(spool, &verify->error);
	verify_report_start(&verify->report);
	return verify;
}

static void on_object(void *owner, const json_t *object)
{
	job_print(owner, object);
}

static void on_verified(void *owner, int status, const struct spool_verified *verified)
{
	struct control_verify *verify = owner;

	verify->error = status;
	verify_report_step(&verify->report, verified, on_object, &verify->lines);
	if (verified->is_over && !status) {
		json_t *end = verify_report_end(&verify->report, verified);

		job_print(&verify->lines, end);
		json_decref(end);
		verify->is_over = true;
	}
	verify->wake(verify->owner);
}

enum job_progress control_verify_step(struct control_verify *verify, struct buf *out)
{
	buf_append(out, verify->lines.bytes, verify->lines.len);
	verify->lines.len = 0;
	if (verify->error == -EBUSY)
		job_print_error(out, "the spool is being verified already", EX_TEMPFAIL);
	else if (verify->error)
		job_print_error(out, "not enough memory to verify the spool", EX_OSERR);
	if (verify->error || verify->is_over)
		return JOB_DONE;
	spool_verify_next(verify->verify, on_verified, verify);
	return JOB_WAIT;
}

void control_verify_close(struct control_verify *verify)
{
	if (!verify)
		return;
	spool_verify_close(verify->verify);
	buf_fini(&verify->lines);
	free(verify);
}
