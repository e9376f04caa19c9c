import java.io.InputStream;
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;

/** JavaUrlClient PORT: one GET with HttpsURLConnection, disconnect(), and out of main(). */
public final class JavaUrlClient {
    public static void main(String[] args) throws Exception {
        URL url = new URL("https://localhost:" + args[0] + "/");
        HttpsURLConnection connection = (HttpsURLConnection) url.openConnection();
        connection.setSSLSocketFactory(TrustAnyone.context().getSocketFactory());
        connection.setHostnameVerifier((host, session) -> true);
        try (InputStream in = connection.getInputStream()) {
            System.out.println("bytes " + in.readAllBytes().length);
        }
        connection.disconnect();
    }
}
