import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/** JavaHttpsServer PORT KEYSTORE PASSWORD VERSION: the JDK's own HTTP server (SSLEngine). */
public final class JavaHttpsServer {
    public static void main(String[] args) throws Exception {
        String[] protocols = {"TLSv" + args[3]};
        byte[] body = new byte[204800];
        SSLContext context = context(args[1], args[2].toCharArray());
        HttpsServer server =
                HttpsServer.create(
                        new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 64);
        server.setHttpsConfigurator(
                new HttpsConfigurator(context) {
                    @Override
                    public void configure(HttpsParameters params) {
                        SSLParameters chosen = context.getDefaultSSLParameters();
                        chosen.setProtocols(protocols);
                        params.setSSLParameters(chosen);
                    }
                });
        server.createContext(
                "/",
                exchange -> {
                    exchange.sendResponseHeaders(200, body.length);
                    try (var out = exchange.getResponseBody()) {
                        out.write(body);
                    }
                });
        server.start();
    }

    static SSLContext context(String path, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(path)) {
            store.load(in, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }
}
