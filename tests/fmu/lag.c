/* A first-order lag with a closed form, and all the ways in which an FMU can misbehave, as parameters.
 *
 *     x' = (k u - x) / tau    stepped exactly:  x += (k u - x) (1 - exp(-h / tau)),  y = 2 x
 *
 * Compiled as FMI 2.0 (-DFMI=2) or 3.0 (-DFMI=3). The declarations below are our own, and only what is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
enum { OK, WARNING, DISCARD, FAILED, FATAL };
enum { U, X, TAU, K, Y, WHEN, REALS };       /* value references of the reals */
enum { COUNT = 10, MODE, RESULT };           /* of the integers */
enum { ON = 20 };                            /* of the booleans */
enum { SANE, CRASH, HANG, NAN_OUT, READ_FILE, WRITE_FILE, DISCARD_LONG, EAT_MEMORY, SAY_ERROR, SAY_WARNING,
       END_RUN, CONNECT, CHATTER };

typedef struct {
    double real[REALS];
    int count, mode, result, on;
} State;

typedef struct {
    State s;
    void (*say)(void *env, int status, const char *text);
    void *env;
    void *logger;
} Model;

static Model *made(void) {
    Model *m = calloc(1, sizeof *m);
    m->s = (State){.real = {[U] = 0.0, [X] = 1.0, [TAU] = 2.0, [K] = 1.0}, .on = 1};
    return m;
}

static int step(Model *m, double t, double h, bool *end) {
    State *s = &m->s;
    if (t + h > s->real[WHEN] + 1e-9) switch (s->mode) {
        case CRASH: raise_segv: *(volatile int *)8 = 1; goto raise_segv;
        case HANG: for (;;) pause();
        case NAN_OUT: s->real[X] = s->real[Y] = NAN; return OK;
        case READ_FILE: { int f = open("/etc/hostname", O_RDONLY); s->result = f < 0 ? -errno : 1; break; }
        case WRITE_FILE: { int f = open("/tmp/armillary-fmu-was-here", O_CREAT | O_WRONLY, 0600);
                           s->result = f < 0 ? -errno : 1; break; }
        case DISCARD_LONG: if (h > 0.03) return DISCARD; break;
        case EAT_MEMORY: for (;;) { char *p = malloc(64 << 20); if (!p) { m->say(m, FAILED, "no memory"); return FAILED; }
                                    memset(p, 1, 64 << 20); }
        case SAY_ERROR: m->say(m, FAILED, "the pump is not primed"); return FAILED;
        case SAY_WARNING: m->say(m, WARNING, "close to dry"); break;
        case END_RUN: *end = true; return OK;
        case CONNECT: {
            struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
            to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            s->result = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 1 : -errno; break; }
        case CHATTER: puts("{\"address\": \"words on the standard output\"}"); fflush(stdout); break;
    }
    double ku = s->on ? s->real[K] * s->real[U] : 0.0;
    s->real[X] += (ku - s->real[X]) * -expm1(-h / s->real[TAU]);
    s->real[Y] = 2.0 * s->real[X];
    s->count++;
    return OK;
}

static int *integer(Model *m, unsigned vr) {
    return vr == COUNT ? &m->s.count : vr == MODE ? &m->s.mode : vr == RESULT ? &m->s.result : NULL;
}

static int reals(Model *m, const unsigned *vr, size_t n, double *get, const double *set) {
    for (size_t i = 0; i < n; i++) {
        if (vr[i] >= REALS) return FAILED;
        if (set) m->s.real[vr[i]] = set[i];
        else get[i] = vr[i] == Y && !isnan(m->s.real[Y]) ? 2.0 * m->s.real[X] : m->s.real[vr[i]];
    }
    return OK;
}

static int integers(Model *m, const unsigned *vr, size_t n, int *get, const int *set) {
    for (size_t i = 0; i < n; i++) {
        int *at = integer(m, vr[i]);
        if (!at) return FAILED;
        if (set) *at = set[i]; else get[i] = *at;
    }
    return OK;
}

#if FMI == 2
typedef void (*Logger)(void *, const char *, int, const char *, const char *, ...);
typedef struct { Logger log; void *allocate, *release, *finished, *env; } Calls;
static void say2(void *it, int status, const char *text) {
    Model *m = it;
    if (m->logger) ((Logger)m->logger)(m->env, "lag", status, "log", "%s", text);
}
API const char *fmi2GetTypesPlatform(void) { return "default"; }
API const char *fmi2GetVersion(void) { return "2.0"; }
API int fmi2SetDebugLogging(void *c, int on, size_t n, const char *const *cat) { return OK; }
API void *fmi2Instantiate(const char *name, int type, const char *guid, const char *resources, const Calls *calls,
                          int visible, int logging) {
    Model *m = made();
    m->say = say2; m->logger = (void *)calls->log; m->env = calls->env;
    if (strcmp(guid, "{lag-1}")) { say2(m, FAILED, "another guid"); free(m); return NULL; }
    return m;
}
API void fmi2FreeInstance(void *c) { free(c); }
API int fmi2SetupExperiment(void *c, int td, double tol, double t0, int sd, double t1) { return OK; }
API int fmi2EnterInitializationMode(void *c) { return OK; }
API int fmi2ExitInitializationMode(void *c) { return OK; }
API int fmi2Terminate(void *c) { return OK; }
API int fmi2Reset(void *c) { Model *m = c, *n = made(); m->s = n->s; free(n); return OK; }
API int fmi2GetReal(void *c, const unsigned *vr, size_t n, double *v) { return reals(c, vr, n, v, NULL); }
API int fmi2SetReal(void *c, const unsigned *vr, size_t n, const double *v) { return reals(c, vr, n, NULL, v); }
API int fmi2GetInteger(void *c, const unsigned *vr, size_t n, int *v) { return integers(c, vr, n, v, NULL); }
API int fmi2SetInteger(void *c, const unsigned *vr, size_t n, const int *v) { return integers(c, vr, n, NULL, v); }
API int fmi2GetBoolean(void *c, const unsigned *vr, size_t n, int *v) { *v = ((Model *)c)->s.on; return OK; }
API int fmi2SetBoolean(void *c, const unsigned *vr, size_t n, const int *v) { ((Model *)c)->s.on = *v; return OK; }
API int fmi2GetString(void *c, const unsigned *vr, size_t n, const char **v) { return FAILED; }
API int fmi2SetString(void *c, const unsigned *vr, size_t n, const char *const *v) { return FAILED; }
API int fmi2GetFMUstate(void *c, void **s) {
    *s = malloc(sizeof(State)); memcpy(*s, &((Model *)c)->s, sizeof(State)); return OK; }
API int fmi2SetFMUstate(void *c, void *s) { memcpy(&((Model *)c)->s, s, sizeof(State)); return OK; }
API int fmi2FreeFMUstate(void *c, void **s) { free(*s); *s = NULL; return OK; }
API int fmi2SerializedFMUstateSize(void *c, void *s, size_t *n) { *n = sizeof(State); return OK; }
API int fmi2SerializeFMUstate(void *c, void *s, char *b, size_t n) { memcpy(b, s, n); return OK; }
API int fmi2DeSerializeFMUstate(void *c, const char *b, size_t n, void **s) {
    if (n != sizeof(State)) return FAILED;
    *s = malloc(n); memcpy(*s, b, n); return OK; }
API int fmi2GetDirectionalDerivative(void *c, const unsigned *a, size_t n, const unsigned *b, size_t k,
                                     const double *d, double *e) { return FAILED; }
API int fmi2SetRealInputDerivatives(void *c, const unsigned *a, size_t n, const int *o, const double *v) { return FAILED; }
API int fmi2GetRealOutputDerivatives(void *c, const unsigned *a, size_t n, const int *o, double *v) { return FAILED; }
API int fmi2DoStep(void *c, double t, double h, int no) {
    bool end = false;
    int status = step(c, t, h, &end);
    return end ? DISCARD : status; }
API int fmi2CancelStep(void *c) { return FAILED; }
API int fmi2GetStatus(void *c, int k, int *v) { return DISCARD; }
API int fmi2GetRealStatus(void *c, int k, double *v) { return DISCARD; }
API int fmi2GetIntegerStatus(void *c, int k, int *v) { return DISCARD; }
API int fmi2GetBooleanStatus(void *c, int k, int *v) { *v = ((Model *)c)->s.mode == END_RUN; return OK; }
API int fmi2GetStringStatus(void *c, int k, const char **v) { return DISCARD; }

#else
typedef void (*Logger3)(void *, int, const char *, const char *);
static void say3(void *it, int status, const char *text) {
    Model *m = it;
    if (m->logger) ((Logger3)m->logger)(m->env, status, "log", text);
}
API const char *fmi3GetVersion(void) { return "3.0"; }
API int fmi3SetDebugLogging(void *c, bool on, size_t n, const char *const *cat) { return OK; }
API void *fmi3InstantiateCoSimulation(const char *name, const char *token, const char *resources, bool visible,
                                      bool logging, bool events, bool early, const unsigned *iv, size_t n,
                                      void *env, Logger3 log, void *update) {
    Model *m = made();
    m->say = say3; m->logger = (void *)log; m->env = env;
    if (strcmp(token, "{lag-1}")) { say3(m, FAILED, "another token"); free(m); return NULL; }
    return m;
}
API void *fmi3InstantiateModelExchange(void) { return NULL; }
API void *fmi3InstantiateScheduledExecution(void) { return NULL; }
API void fmi3FreeInstance(void *c) { free(c); }
API int fmi3EnterInitializationMode(void *c, bool td, double tol, double t0, bool sd, double t1) { return OK; }
API int fmi3Reset(void *c) { Model *m = c, *n = made(); m->s = n->s; free(n); return OK; }
API int fmi3GetFloat64(void *c, const unsigned *vr, size_t n, double *v, size_t k) { return reals(c, vr, n, v, NULL); }
API int fmi3SetFloat64(void *c, const unsigned *vr, size_t n, const double *v, size_t k) { return reals(c, vr, n, NULL, v); }
API int fmi3GetInt32(void *c, const unsigned *vr, size_t n, int *v, size_t k) { return integers(c, vr, n, v, NULL); }
API int fmi3SetInt32(void *c, const unsigned *vr, size_t n, const int *v, size_t k) { return integers(c, vr, n, NULL, v); }
API int fmi3GetBoolean(void *c, const unsigned *vr, size_t n, bool *v, size_t k) { *v = ((Model *)c)->s.on; return OK; }
API int fmi3SetBoolean(void *c, const unsigned *vr, size_t n, const bool *v, size_t k) { ((Model *)c)->s.on = *v; return OK; }
API int fmi3GetFMUState(void *c, void **s) {
    *s = malloc(sizeof(State)); memcpy(*s, &((Model *)c)->s, sizeof(State)); return OK; }
API int fmi3SetFMUState(void *c, void *s) { memcpy(&((Model *)c)->s, s, sizeof(State)); return OK; }
API int fmi3FreeFMUState(void *c, void **s) { free(*s); *s = NULL; return OK; }
API int fmi3SerializedFMUStateSize(void *c, void *s, size_t *n) { *n = sizeof(State); return OK; }
API int fmi3SerializeFMUState(void *c, void *s, uint8_t *b, size_t n) { memcpy(b, s, n); return OK; }
API int fmi3DeserializeFMUState(void *c, const uint8_t *b, size_t n, void **s) {
    if (n != sizeof(State)) return FAILED;
    *s = malloc(n); memcpy(*s, b, n); return OK; }
API int fmi3DoStep(void *c, double t, double h, bool no, bool *event, bool *end, bool *early, double *last) {
    *event = *end = *early = false; *last = t;
    int status = step(c, t, h, end);
    if (status == OK) *last = t + h;
    return status; }
#define STUB(name) API int fmi3##name(void) { return FAILED; }
#define DONE(name) API int fmi3##name(void *c) { return OK; }
#define TYPE(name) STUB(Get##name) STUB(Set##name)
DONE(ExitInitializationMode) DONE(EnterEventMode) DONE(Terminate) DONE(EnterStepMode) DONE(EnterConfigurationMode)
DONE(ExitConfigurationMode)
TYPE(Float32) TYPE(Int8) TYPE(UInt8) TYPE(Int16) TYPE(UInt16) TYPE(UInt32) TYPE(Int64) TYPE(UInt64) TYPE(String)
TYPE(Binary) TYPE(Clock) TYPE(IntervalDecimal) TYPE(IntervalFraction) TYPE(ShiftDecimal) TYPE(ShiftFraction)
STUB(GetNumberOfVariableDependencies) STUB(GetVariableDependencies) STUB(GetDirectionalDerivative)
STUB(GetAdjointDerivative) STUB(EvaluateDiscreteStates) STUB(UpdateDiscreteStates) STUB(GetOutputDerivatives)
STUB(EnterContinuousTimeMode) STUB(CompletedIntegratorStep) STUB(SetTime) STUB(ActivateModelPartition)
STUB(SetContinuousStates) STUB(GetContinuousStateDerivatives) STUB(GetEventIndicators) STUB(GetContinuousStates)
STUB(GetNominalsOfContinuousStates) STUB(GetNumberOfEventIndicators) STUB(GetNumberOfContinuousStates)
#endif
